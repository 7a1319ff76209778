// Without the web fonts, which are larger than all the pages.
import DefaultTheme from 'vitepress/theme-without-fonts';
import { h } from 'vue';
import './style.css';

/** The service's page to try the API out is not of this site: its router must leave the link alone. */
const toApi = () => h('a', { class: 'to-api', href: '/docs', target: '_self' }, 'Try the API');

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'nav-bar-content-after': toApi, 'nav-screen-content-after': toApi }),
};
